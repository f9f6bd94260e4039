"""What a network that has learned something else is worth as it is: the baseline of transfer learning."""

import keras
import numpy as np
from keras import layers
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_recipes.image_files import in_batches


def accuracy_of_frozen_features(scaling, network, train, test):
    """The accuracy of a logistic regression on the mean features of a network that is not trained.

    How much its weights are held back is chosen by cross-validation, if there are two pictures or more of each class.

    Args:
        scaling: Layer that prepares pictures for the network, as `backbone` returns both.
        network: `keras.Model` from float `(batch, height, width, 3)` to features of rank 4.
        train: Pair of pictures, an array of bytes or `ImageFiles`, and integer classes of shape `(n,)`.
        test: Likewise.

    Returns:
        Float in [0, 1].

    Reference:
        Donahue et al., 2014, https://arxiv.org/abs/1310.1531, section 4.
    """
    images = keras.Input((None, None, 3))
    see = keras.Model(images, layers.GlobalAveragePooling2D()(network(scaling(images)))).predict_on_batch
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    fewest = int(np.unique(train[1], return_counts=True)[1].min())
    if fewest > 1:  # of each class there is a picture in each fold
        regression = GridSearchCV(regression, {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1, 1]}, cv=min(5, fewest))
    regression.fit(in_batches(see, train[0]), train[1])
    return float(regression.score(in_batches(see, test[0]), test[1]))
